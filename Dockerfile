# The gateway as an image: `docker build -t waferline .`, then
#   docker run --read-only --tmpfs /tmp --cap-drop ALL -p 4000:4000 -e LITELLM_MASTER_KEY -e CEREBRAS_API_KEY waferline
# A tag moves and a digest does not. None is written here, because this file was made without access to an image
# registry: build with --build-arg PYTHON_IMAGE=python@sha256:<the digest you looked at>.
ARG PYTHON_IMAGE=python:3.13-slim-bookworm
FROM ${PYTHON_IMAGE}

WORKDIR /app

# Only what the lock names, and nothing that runs code at every start of Python: litellm 1.82.8 was trojaned by a .pth.
COPY requirements/runtime.lock requirements/runtime.lock
RUN python -m pip install --no-cache-dir --disable-pip-version-check --require-hashes --no-deps --only-binary :all: \
        -r requirements/runtime.lock \
    && test -z "$(find /usr/local/lib -name '*.pth' ! -name distutils-precedence.pth)"

COPY litellm_config.yaml waferline ./
COPY policies policies
COPY plugins plugins

# The same as in scripts/plan.py, where the reasons are. HOME is where a read-only container has its tmpfs.
ENV LITELLM_MODE=PRODUCTION \
    LITELLM_LOCAL_MODEL_COST_MAP=True \
    LITELLM_DONT_SHOW_FEEDBACK_BOX=true \
    HF_HUB_OFFLINE=1 \
    DISABLE_ADMIN_UI=True \
    NO_DOCS=True \
    NO_REDOC=True \
    REPEATED_STREAMING_CHUNK_LIMIT=100000 \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOST=0.0.0.0 \
    PORT=4000 \
    HOME=/tmp

USER 10001:10001
EXPOSE 4000

HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import http.client as h, os; c = h.HTTPConnection('127.0.0.1', int(os.environ['PORT']), timeout=2); c.request('GET', '/health/readiness'); raise SystemExit(c.getresponse().status != 200)"]

# Stock LiteLLM, which reads HOST and PORT; litellm_config.yaml names our plugins.
CMD ["litellm", "--config", "litellm_config.yaml"]
