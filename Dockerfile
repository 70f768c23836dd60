FROM python:3.11-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE constraints.txt ./
COPY bot bot
COPY cogs cogs
COPY data data
ARG EXTRAS=""
RUN python -m venv /opt/telex && /opt/telex/bin/pip install --no-cache-dir -c constraints.txt ".${EXTRAS:+[$EXTRAS]}"

FROM python:3.11-slim
# The home is made by hand: useradd would put a shell's files beside the database.
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /var/lib/telex --shell /usr/sbin/nologin telex \
    && install --directory --owner=telex --group=telex --mode=700 /var/lib/telex
COPY --from=build /opt/telex /opt/telex
# The root may be read-only: the database is on the volume, and everything else that is written goes to /tmp.
ENV PATH=/opt/telex/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    TELEX_DATABASE=/var/lib/telex/telex.db \
    TELEX_HEALTH_ADDRESS=127.0.0.1:8080
USER telex
WORKDIR /var/lib/telex
VOLUME /var/lib/telex
HEALTHCHECK --interval=1m --timeout=10s --start-period=2m --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/healthz', timeout=5)"]
ENTRYPOINT ["telex"]
CMD ["run"]
