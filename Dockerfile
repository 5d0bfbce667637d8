# Suiro as a drop-in for the image fluent/fluentd: the same paths, variables and arguments.
#
# Debian, since its C library resolves names as the hosts do (search domains, ndots), and since Node.js publishes and
# tests its builds for it; those for Alpine are unofficial. Node 24 is the current LTS.

FROM node:24-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json tsconfig.dist.json ./
COPY scripts ./scripts
COPY src ./src
RUN node scripts/prepare.mjs --force

FROM node:24-slim
# 999 is the uid of fluentd's Debian image, so volumes that it wrote stay readable. npm and yarn are not needed to run.
RUN groupadd --gid 999 fluent \
 && useradd --uid 999 --gid fluent --home-dir /fluentd --no-create-home --shell /usr/sbin/nologin fluent \
 && install -d -o fluent -g fluent /fluentd /fluentd/etc /fluentd/log /fluentd/plugins /fluentd/buffer \
 && rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /opt/yarn-v* \
           /usr/local/bin/yarn /usr/local/bin/yarnpkg
# journalctl, for the systemd inputs of the DaemonSet image's configuration: the journal's group may read it where it is
# mounted. Behind the user, for the package gives its own users ids from 999 downwards.
RUN apt-get update \
 && apt-get install -y --no-install-recommends systemd \
 && rm -rf /var/lib/apt/lists/* \
 && usermod --append --groups systemd-journal fluent

WORKDIR /opt/suiro
COPY --from=build /build/package.json ./
# All else that dist/ uses is bundled into it.
COPY --from=build /build/node_modules/yaml ./node_modules/yaml
COPY --from=build /build/dist ./dist
COPY LICENSE ./
COPY --chmod=755 docker/entrypoint.sh /bin/entrypoint.sh
COPY docker/fluent.conf /fluentd/etc/fluent.conf
RUN chmod 755 dist/main.js \
 && ln -s /opt/suiro/dist/main.js /usr/local/bin/suiro \
 && ln -s /opt/suiro/dist/main.js /usr/local/bin/fluentd

ENV NODE_ENV=production \
    FLUENTD_CONF=fluent.conf \
    FLUENTD_OPT=""
EXPOSE 24224
USER 999
WORKDIR /fluentd

# Asks whether the Forward input answers on HEALTH_PORT. A configuration without one needs HEALTH_PORT set to a port
# that it does listen on, or --no-healthcheck; Kubernetes ignores this and uses its own probes.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s --retries=3 \
  CMD ["node", "-e", "require('node:net').connect(process.env.HEALTH_PORT || 24224, '127.0.0.1').on('connect', () => process.exit(0)).on('error', () => process.exit(1))"]

# Suiro handles its signals and waits for the children that it starts: it is process 1 without tini.
ENTRYPOINT ["/bin/entrypoint.sh"]
CMD ["suiro"]
