#!/bin/sh
# Starts Suiro as the entrypoint of fluentd's image starts fluentd:
#   (nothing), suiro …, fluentd …    the agent; adds -c /fluentd/etc/$FLUENTD_CONF unless a configuration is named
#   -v, --dry-run, …                 options alone are options of the agent
#   suiro check …, suiro top …       a subcommand, as it stands
#   anything else                    that program
# FLUENTD_OPT holds further options of the agent, separated by blanks.
set -eu

# As the image of fluentd: settings from a file, if there is one.
if [ -r "${FLUENTD_DEFAULTS:-/etc/default/fluentd}" ]; then
  set -a
  # shellcheck disable=SC1090
  . "${FLUENTD_DEFAULTS:-/etc/default/fluentd}"
  set +a
fi

case "${1:-}" in
  "") set -- suiro ;;
  -*) set -- suiro "$@" ;;
esac

case "$1" in
  suiro | fluentd) ;;
  *) exec "$@" ;;
esac
case "${2:-}" in
  buffer | cat | cert | check | demo | doctor | explain | tap | test | top) exec "$@" ;;
esac

# Kubernetes manifests often run `fluentd -c … -p …`; what they name is kept.
has_config=false
for argument in "$@" ${FLUENTD_OPT:-}; do
  case "$argument" in
    -c* | --config | --config=* | -s* | --setup* | -h | --help | --version) has_config=true ;;
  esac
done
if [ "$has_config" = false ]; then
  set -- "$@" -c "/fluentd/etc/${FLUENTD_CONF:-fluent.conf}"
fi

# Unquoted on purpose: FLUENTD_OPT is a list of words.
# shellcheck disable=SC2086
exec "$@" ${FLUENTD_OPT:-}
