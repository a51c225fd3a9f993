# The daemon in an image: locked with hashes, non-root, read-only, no shell needed at run time.
#
#   make page && docker build --tag everai-worker-autoscaler .
#
# BASE_IMAGE is what it runs on: anything with Python >= 3.11 and certificates. BUILD_IMAGE builds,
# and needs pip and venv too; its Python must be the same, at the same path.
ARG BASE_IMAGE=docker.io/library/python:3.13-slim-bookworm
ARG BUILD_IMAGE=${BASE_IMAGE}

FROM ${BUILD_IMAGE} AS build
# For a build behind a proxy with certificates of its own: the file that holds them.
ARG SSL_CERT_FILE
ARG PIP_CERT=${SSL_CERT_FILE}
WORKDIR /src
COPY deploy/image/build-requirements.txt ./
RUN python3 -m venv /opt/build \
    && /opt/build/bin/pip install --no-cache-dir --only-binary :all: --require-hashes \
         --requirement build-requirements.txt
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_NO_CACHE=1 UV_PYTHON_DOWNLOADS=never \
    UV_PROJECT_ENVIRONMENT=/opt/autoscaler
# The libraries first: they change less often than the program.
COPY pyproject.toml uv.lock ./
RUN python3 -m venv --without-pip /opt/autoscaler \
    && /opt/build/bin/uv sync --frozen --no-default-groups --no-install-project \
         --extra kubernetes --extra postgres --extra speed
COPY README.md README.zh-CN.md CHANGELOG.md LICENSE ./
COPY deploy/page ./deploy/page
# With what `make page` brought for the status page; the build stops where that is missing.
COPY autoscaler ./autoscaler
RUN export PAGE_CHARTS=required \
    && /opt/build/bin/python -m hatchling build --target wheel --directory /dist \
    && /opt/build/bin/uv pip install --python /opt/autoscaler/bin/python --offline --no-deps /dist/*.whl \
    && rm /opt/autoscaler/.lock \
    && install -d -m 0755 /skeleton/etc /skeleton/state

FROM ${BASE_IMAGE}
ARG VERSION=0.0.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
ARG SOURCE=
LABEL org.opencontainers.image.title="EverAI worker autoscaler" \
      org.opencontainers.image.description="Reconciling autoscaler for GPU inference apps on the EverAI platform" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.source="${SOURCE}"
COPY --from=build /opt/autoscaler /opt/autoscaler
COPY --from=build /skeleton/etc /etc/autoscaler
COPY --from=build --chown=65532:65532 /skeleton/state /var/lib/autoscaler
# The state's default place is $XDG_STATE_HOME/autoscaler.
ENV PATH=/opt/autoscaler/bin:$PATH \
    HOME=/var/lib/autoscaler \
    XDG_STATE_HOME=/var/lib \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONSAFEPATH=1 \
    PYTHONUNBUFFERED=1 \
    AUTOSCALER_SERVER__LISTEN=0.0.0.0:8080
USER 65532:65532
WORKDIR /var/lib/autoscaler
EXPOSE 8080
STOPSIGNAL SIGTERM
# The program itself is PID 1: it handles SIGTERM from its first moment on, and starts no children.
ENTRYPOINT ["/opt/autoscaler/bin/python", "-m", "autoscaler"]
CMD ["run", "--config", "/etc/autoscaler/autoscaler.yaml"]
