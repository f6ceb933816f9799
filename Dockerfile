# The image of every node of a fleet. Login and edges run this same one, with the same command: fly.toml.
#
# Three stages, so that what builds does not run: what is deployed has no Node, no compiler, no sources.
# docs/operations.md says how these steps are checked where there is no container engine.

# The Python that the tests run on; whatever wingthing needs comes as a wheel for it.
ARG PYTHON=python:3.11-slim-bookworm
ARG NODE=node:22-bookworm-slim

# -- the browser app -----------------------------------------------------------------------------------------
FROM ${NODE} AS app
WORKDIR /src/webapp
COPY webapp/package.json webapp/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY webapp/ ./
RUN npm run build

# -- the wheel, and what it needs ----------------------------------------------------------------------------
FROM ${PYTHON} AS wheel
WORKDIR /src
COPY LICENSE README.md pyproject.toml setup.cfg ./
COPY build_backend/ build_backend/
COPY twisted/ twisted/
COPY wingthing/ wingthing/
# webapp/ stays away: the build backend compares the times of its files with those of the built app, and times
# mean nothing after COPY and the layer cache. Where there are no sources it takes the built app as it is, so
# the app must be there.
COPY --from=app /src/wingthing/web/static/app/ wingthing/web/static/app/
RUN test -s wingthing/web/static/app/index.html
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels . \
 && pip download --no-cache-dir --only-binary=:all: --dest /wheels /wheels/wingthing-*.whl
# No pip inside: nothing is ever installed in it again.
RUN python -m venv --without-pip /opt/wingthing \
 && pip --python /opt/wingthing/bin/python install --no-cache-dir --no-index --find-links=/wheels wingthing

# -- what runs -----------------------------------------------------------------------------------------------
FROM ${PYTHON}
# No home, no shell, nothing that belongs to it. The image has no /data: a node that finds one is login.
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin wt
COPY --from=wheel /opt/wingthing/ /opt/wingthing/
ENV PATH=/opt/wingthing/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# Without rights from its first instruction on, and not by way of an entrypoint that starts as root: Fly gives
# the mounted /data to the user of the image at every start ("Mounting ... w/ uid: 10001, gid: 10001 and chmod
# 0755", says its log). The directory, not what is in it: a file that root has put there (`fly ssh` is root)
# must be given to wt by hand.
USER wt
EXPOSE 8080
# For those who run the image elsewhere; Fly has its own checks, of the same address.
HEALTHCHECK --interval=15s --timeout=5s --start-period=15s \
  CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/health', timeout=4)"]
CMD ["wt", "serve"]
