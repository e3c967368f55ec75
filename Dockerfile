# One image for web, worker, courier and beat; docker-compose.yml says which of them a container is.

FROM python:3.12-slim-bookworm AS build
WORKDIR /src
RUN python -m venv /opt/gate
# The dependencies first, by themselves: they change seldom, and this layer is then kept.
COPY deploy/requirements/image.txt deploy/requirements/
RUN /opt/gate/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes \
        --requirement deploy/requirements/image.txt

FROM python:3.12-slim-bookworm AS gate
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libchromaprint1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /app --shell /usr/sbin/nologin gate \
    && install --directory --owner=gate --group=gate --mode=0750 /var/lib/gate
COPY --from=build /opt/gate /opt/gate
WORKDIR /app
COPY manage.py pyproject.toml LICENSE NOTICE README.md ./
COPY checks checks
COPY config config
COPY intake intake
# Its name and version are told to partners with what it signs.
RUN /opt/gate/bin/pip install --no-cache-dir --disable-pip-version-check --no-build-isolation --no-deps --editable .
ENV PATH=/opt/gate/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=config.settings \
    GATE_ENV=production \
    GATE_DATA=/var/lib/gate \
    NUMBA_CACHE_DIR=/var/lib/gate/compiled \
    GATE_HOST=0.0.0.0
USER gate
VOLUME /var/lib/gate
EXPOSE 8000
# The web server answers by itself; the other programs have their own checks in docker-compose.yml.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f\"http://127.0.0.1:{os.environ.get('GATE_PORT', '8000')}/healthz\", timeout=4)"]
CMD ["gunicorn", "--config=python:config.gunicorn", "config.wsgi:application"]

# The tests inside the image: docker build --target test (make test-image).
FROM gate AS test
USER root
COPY deploy/requirements/test.txt deploy/requirements/
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes --requirement deploy/requirements/test.txt
COPY . .
USER gate
ENV NUMBA_CACHE_DIR=/tmp/compiled
# The tests choose their own settings and state, before Django is loaded.
CMD ["env", "-u", "DJANGO_SETTINGS_MODULE", "-u", "GATE_ENV", "-u", "GATE_DATA", \
     "python", "-m", "pytest", "--numprocesses=auto", "--maxprocesses=4", "-m", "not browser"]

# What is built unless a target is named.
FROM gate
