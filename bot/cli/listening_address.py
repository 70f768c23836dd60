"""Whether a server could listen at an address, asked before the slow steps of a start."""

import socket


def find_bind_problem(host: str, port: int) -> str | None:
    """Return why no server can listen at an address, in the system's words, or None if one can."""
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, _type, _protocol, _name, address in addresses:
            with socket.socket(family) as listener:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listener.bind(address)
    except OSError as error:
        return error.strerror or str(error)
    return None
