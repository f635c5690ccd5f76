# mailbot, watching: docker build -t mailbot . && docker run -d --name mailbot -v ~/Vault:/vault -v mailbot-state:/state \
#   -v ~/.config/mailbot:/config:ro mailbot
# In /config/accounts.yaml: `vault: /vault`, and secrets as `file: /config/work.secret`. `docker run --rm -it … mailbot init` sets it up.
FROM python:3.12-slim AS build
WORKDIR /src
COPY pyproject.toml constraints.txt README.md ./
COPY mailbot mailbot
COPY contrib contrib
COPY fixtures/eml/demo fixtures/eml/demo
RUN python -m venv /opt/mailbot && /opt/mailbot/bin/pip install --no-cache-dir -c constraints.txt .

FROM python:3.12-slim
LABEL org.opencontainers.image.title="mailbot" org.opencontainers.image.licenses="MIT"
RUN useradd --uid 1000 --create-home mailbot && mkdir /vault /state /config && chown mailbot /vault /state /config && chmod 700 /state
COPY --from=build /opt/mailbot /opt/mailbot
ENV PATH=/opt/mailbot/bin:$PATH MAILBOT_STATE=/state MAILBOT_CONFIG=/config/accounts.yaml PYTHONUNBUFFERED=1
USER mailbot
WORKDIR /home/mailbot
VOLUME ["/vault", "/state"]
# 0 is well, 1 worth a look; anything else is wrong.
HEALTHCHECK --interval=10m --timeout=60s --start-period=30s CMD ["sh", "-c", "mailbot doctor --offline >/dev/null; test $? -le 1"]
ENTRYPOINT ["mailbot"]
CMD ["watch"]
