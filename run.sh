#!/usr/bin/env bash
# Start the server, or run every check and test. Sets up first whatever is missing.
#   ./run.sh            start, at http://localhost:5000 (or the next free port, where nobody chose one)
#   ./run.sh demo       start beside that a server with six drawn students, which leaves nothing behind
#   ./run.sh test       ruff, mypy, JavaScript tests, pytest
set -euo pipefail
cd "$(dirname "$0")"

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
    venv/bin/mypy . & # half a minute where nothing is known yet, of one processor
    types=$!
    venv/bin/ruff check .
    venv/bin/ruff format --check .
    venv/bin/python -m pytest --collect-only -q >/dev/null & # compiles once what the four below would each compile
    node --test tests/js/*/*.test.js
    wait "$types"
    wait
    # Much of the time real exams run at their own pace: four at once cost no more on two cores. The long ones come first (tests/conftest.py).
    exec venv/bin/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder --durations=10 "$@"
    ;;
  *)
    echo "usage: ./run.sh            start the server" >&2
    echo "       ./run.sh demo       start a server of its own with six drawn students; Ctrl+C ends it and leaves nothing behind" >&2
    echo "       ./run.sh test [pytest options]" >&2
    exit 2
    ;;
esac
