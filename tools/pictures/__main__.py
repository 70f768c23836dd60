"""Entry of `python -m tools.pictures`."""

from tools.pictures.page_camera import main

main()
