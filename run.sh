#!/usr/bin/env bash
# Start the server, or run every check and test. Sets up first whatever is missing.
#   ./run.sh            start, at http://localhost:5000 (or the next free port, where nobody chose one)
#   ./run.sh demo       start beside that a server with six drawn students, which leaves nothing behind
#   ./run.sh test       ruff, mypy, vermin, JavaScript tests, pytest
set -euo pipefail
cd "$(dirname "$0")"

has_gb_free() { # has_gb_free GB MemAvailable|shm: in memory, or in the file system that is in memory
  local free
  if [ "$2" = shm ]; then
    free=$(df --output=avail -k /dev/shm 2>/dev/null | tail -n 1) || return 1
  else
    free=$(awk -v name="$2:" '$1 == name { print $2 }' /proc/meminfo 2>/dev/null) || return 1
  fi
  [ "${free:-0}" -ge $(($1 * 1024 * 1024)) ]
}

case "${1:-}" in
  "")
    ./setup.sh --quiet
    exec venv/bin/python app.py --next-free-port
    ;;
  demo)
    ./setup.sh --quiet
    exec venv/bin/python -m demo
    ;;
  test)
    shift
    ./setup.sh --quiet --test
    unset PYTHONDONTWRITEBYTECODE # servers are started a hundred times: what they are made of is compiled once
    beside=$(mktemp -d) # types and scripts are looked at beside the tests, which wait more than they work, and told after them
    trap 'kill "${others:-}" 2>/dev/null || true; rm -rf "$beside"' EXIT
    later=(venv/bin/vermin --quiet --no-tips --violations --target=3.10- --exclude file.encoding --exclude-regex '/(venv|node_modules)/') # a file may be called `file`
    (venv/bin/mypy . && "${later[@]}" . && node --test tests/js/*/*.test.js) >"$beside/said" 2>&1 &
    others=$!
    venv/bin/ruff check .
    venv/bin/ruff format --check .
    venv/bin/python -m pytest --collect-only -q >/dev/null # compiles once what the four below would each compile
    # The databases of the tests wait for a disk at every write; in memory they don't, where there is enough of it (they take some 9 GB in all).
    if [ -z "${PYTEST_DEBUG_TEMPROOT:-}" ] && has_gb_free 16 MemAvailable && has_gb_free 14 shm; then export PYTEST_DEBUG_TEMPROOT=/dev/shm; fi
    status=0
    if [ $# -eq 0 ]; then # an exam day is judged by what was read of its pictures, of which a slow machine with other work reads too few: it comes alone
      venv/bin/python -m pytest tests/test_exam.py || status=$?
      set -- --ignore=tests/test_exam.py
    fi
    # Much of the time real exams run at their own pace: four at once cost no more on two cores. The long ones come first (tests/conftest.py).
    venv/bin/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder --durations=10 "$@" || status=$?
    if ! wait "$others"; then
      echo "Failed: mypy, vermin (what Python 3.10 has), or the tests of the scripts (node --test):" >&2
      cat "$beside/said" >&2
      [ "$status" -ne 0 ] || status=1
    else
      tail -n 9 "$beside/said"
    fi
    exit "$status"
    ;;
  *)
    echo "usage: ./run.sh            start the server" >&2
    echo "       ./run.sh demo       start a server of its own with six drawn students; Ctrl+C ends it and leaves nothing behind" >&2
    echo "       ./run.sh test [pytest options]" >&2
    exit 2
    ;;
esac
