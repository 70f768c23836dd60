FROM python:3.11-slim AS build
RUN pip install --no-cache-dir uv
WORKDIR /src
COPY pyproject.toml README.md LICENSE constraints-hashes.txt ./
COPY bot bot
COPY cogs cogs
COPY data data
ARG EXTRAS="postgres,mcp"
# Only files with a known hash are installed; uv takes the hash of our own wheel from its address.
RUN python -m venv --without-pip /opt/telex \
    && pip wheel --no-cache-dir --no-deps --wheel-dir /wheel . \
    && wheel=$(echo /wheel/telex-*.whl) \
    && uv pip install --no-cache --python /opt/telex/bin/python --require-hashes -c constraints-hashes.txt \
        "telex${EXTRAS:+[$EXTRAS]} @ file://$wheel#sha256=$(sha256sum "$wheel" | cut -d ' ' -f 1)"

FROM python:3.11-slim
# The home is made by hand: useradd would put a shell's files beside the database.
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /var/lib/telex --shell /usr/sbin/nologin telex \
    && install --directory --owner=telex --group=telex --mode=700 /var/lib/telex
COPY --from=build /opt/telex /opt/telex
# The root may be read-only: the database is on the volume, and everything else that is written goes to /tmp.
# All addresses of the container: whoever starts it decides which of them are published (compose.yaml).
ENV PATH=/opt/telex/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    TELEX_DATABASE=/var/lib/telex/telex.db \
    TELEX_HEALTH_ADDRESS=0.0.0.0:8080
USER telex
WORKDIR /var/lib/telex
VOLUME /var/lib/telex
EXPOSE 8080
# The port is that of the setting, wherever it is set.
HEALTHCHECK --interval=1m --timeout=10s --start-period=2m --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://localhost:' + os.environ['TELEX_HEALTH_ADDRESS'].rpartition(':')[2] + '/healthz', timeout=5)"]
ENTRYPOINT ["telex"]
CMD ["run"]
