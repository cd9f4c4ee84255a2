# Sgwrs as an image; compose.yaml says what runs from it. The paths are those of deploy/.
FROM python:3.13-slim

RUN useradd --system --uid 10001 --home-dir /var/lib/sgwrs sgwrs \
    && install --directory --owner sgwrs --group sgwrs --mode 0750 /var/lib/sgwrs /var/lib/sgwrs/media

WORKDIR /opt/sgwrs
COPY requirements.txt ./
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes --requirement requirements.txt
COPY . ./
RUN DEBUG=no SECRET_KEY=unused python manage.py collectstatic --noinput --verbosity 0

ENV DATA_DIR=/var/lib/sgwrs HOST=0.0.0.0 PYTHONUNBUFFERED=1
USER sgwrs
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["python", "-m", "gunicorn", "-c", "python:config.management.gunicorn"]
