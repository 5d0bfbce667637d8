#!/usr/bin/env bash
# Stands in for docker where the commands of docs/ are run. `build` wants a Dockerfile. `run` runs the image's entrypoint
# in a network of its own, with the mounts, variables and ports that it was told and none else of this machine's
# variables: what listens on the container's loopback only is not reached through -p.
set -euo pipefail

case "$1" in
  build) exec test -f "${!#}/Dockerfile" ;;
  push) exit 0 ;;
  inside) # mount points are this process's own
    root=$2 && shift 2
    mount -t tmpfs tmpfs "$root"
    for path in /*; do
      if [ -L "$path" ]; then
        cp -P "$path" "$root/"
      elif [ -d "$path" ] && [ "$path" != /fluentd ]; then
        mkdir "$root$path" && mount --rbind "$path" "$root$path"
      fi
    done
    mkdir -p "$root/fluentd/etc" "$root/fluentd/buffer"
    cp docker/fluent.conf "$root/fluentd/etc/"
    while [ "$1" != -- ]; do
      IFS=: read -r source target _ <<<"$1" && shift
      [[ $source == */* ]] || mkdir -p "$source" # a volume
      if [ -d "$source" ]; then mkdir -p "$root$target"; else mkdir -p "$(dirname "$root$target")" && touch "$root$target"; fi
      mount --bind "$source" "$root$target"
    done
    shift
    read -r # until the network is there
    exec chroot "$root" "$@"
    ;;
  run) shift ;;
  *) echo "docker $1 has no stand-in" >&2 && exit 1 ;;
esac

mounts=() ports=() environment=("PATH=$PATH")
while [[ $1 == -* ]]; do
  case "$1" in
    --rm) shift && continue ;;
    -v) mounts+=("$2") ;;
    -p) ports+=("$2") ;;
    -e) if [[ $2 == *=* ]]; then environment+=("$2"); else environment+=("$2=${!2}"); fi ;;
    *) echo "docker run $1 has no stand-in" >&2 && exit 1 ;;
  esac
  shift 2
done
shift # the image
folder=$(mktemp -d)
mkdir "$folder/root" && mkfifo "$folder/go"
exec 3<>"$folder/go"
unshare --net --mount "$0" inside "$folder/root" "${mounts[@]}" -- \
  env -i "${environment[@]}" "$PWD/docker/entrypoint.sh" "$@" <&3 &
container=$!
trap 'kill $container' TERM
until [ "$(readlink /proc/$container/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.05; done
ip link add outside type veth peer name inside netns $container
ip addr add 198.18.0.1/24 dev outside
ip link set outside up
nsenter -t $container -n sh -c 'ip addr add 198.18.0.2/24 dev inside; ip link set inside up; ip link set lo up'
for port in "${ports[@]}"; do
  node -e '
    const { createServer, connect } = require("node:net"), [from, to] = process.argv[1].split(":").map(Number);
    createServer((one) => {
      const other = connect(to, "198.18.0.2");
      for (const [a, b] of [[one, other], [other, one]]) a.pipe(b).on("error", () => a.destroy());
    }).listen(from);
  ' "$port" &
done
echo go >&3
wait $container || wait $container
