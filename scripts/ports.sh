# shellcheck shell=bash
# Ports of this machine, for the scripts that start servers. To be sourced, not run.

listening() { # listening PORT: whether somebody answers there
  (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

free_port() { # below the range from which the system takes ports for outgoing connections
  local candidate
  while :; do
    candidate=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
    listening "$candidate" || break
  done
  echo "$candidate"
}
