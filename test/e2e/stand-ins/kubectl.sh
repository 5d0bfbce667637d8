#!/usr/bin/env bash
# Stands in for kubectl where the commands of docs/migrating.md are run: takes these and no others, and reads the
# configuration of Suiro's image in the place of the one in the pod.
set -euo pipefail
shopt -s extglob
image=$(dirname "$(realpath "$0")")/../../../docker

[ "$1 $2" = "-n logging" ] && shift 2
case "$*" in
  "exec daemonset/fluentd -- "*) shift 3 && exec "${@/#\/fluentd\/etc/$image}" ;;
  "set image daemonset/fluentd fluentd="*/suiro:* | "rollout "@(status|undo)" daemonset/fluentd") ;;
  *) echo "kubectl $* has no stand-in" >&2 && exit 1 ;;
esac
