#!/usr/bin/env bash
# Make this folder ready to serve: venv/, packages, system libraries, browser libraries, models, .env.
# Can be run again at any time: what is there is left alone.
#   ./setup.sh            for a server
#   ./setup.sh --test     and what ./run.sh test needs
#   ./setup.sh --mediapipe  and the package mediapipe, for GAZE_BACKEND=mediapipe
#   ./setup.sh --s3       and the package boto3, for CLIP_STORE=s3
#   ./setup.sh --models   try again to make models that couldn't be made before
#   ./setup.sh --quiet    say only what is done, not what is already there
set -euo pipefail
cd "$(dirname "$0")"

with_tests=false
with_mediapipe=false
with_s3=false
quiet=false
models_options=()
for option in "$@"; do
  case "$option" in
    --test) with_tests=true ;;
    --mediapipe) with_mediapipe=true ;;
    --s3) with_s3=true ;;
    --models) models_options=(--again) ;;
    --quiet) quiet=true ;;
    -h | --help)
      sed -n '2,9s/^# \{0,1\}//p' "$0"
      exit 0
      ;;
    *)
      echo "setup.sh: unknown option $option (--test, --mediapipe, --s3, --models, --quiet)" >&2
      exit 2
      ;;
  esac
done

step="starting"
mend="run ./setup.sh again"
apt_log=$(mktemp)
beside="" # what runs beside
on_exit() {
  local status=$?
  [ -z "$beside" ] || kill "$beside" 2>/dev/null || true
  rm -f "$apt_log"
  [ "$status" -eq 0 ] || printf '\nSet-up stopped at: %s\nTo mend it: %s\n' "$step" "$mend" >&2
}
trap on_exit EXIT

begin() { # begin STEP MEND: names what is being done, and what to do if it fails
  step=$1
  mend=$2
}
say() { printf '%s\n' "$*"; }
fine() { $quiet || say "$*"; }
notes=()

sum_of() { # one checksum over files, wherever sha256sum or shasum is
  if command -v sha256sum >/dev/null; then cat "$@" | sha256sum; else cat "$@" | shasum -a 256; fi | cut -d' ' -f1
}

# --- System libraries -------------------------------------------------------------------------------------------------

apt_get() { # apt_get PACKAGE…: installs them if this user may; false if not
  local as_root=()
  command -v apt-get >/dev/null || return 1
  if [ "$(id -u)" -ne 0 ]; then
    sudo -n true 2>/dev/null || return 1
    as_root=(sudo -n)
  fi
  say "Installing with apt: $* (1 to 5 minutes)"
  if [ -z "${apt_updated:-}" ]; then
    "${as_root[@]}" apt-get -o DPkg::Lock::Timeout=400 -qq update >&2 || say "  apt-get update failed; going on with the lists that are here"
    apt_updated=yes
  fi
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=400 -o Dpkg::Use-Pty=0 \
    -qq -y --no-install-recommends install "$@" >"$apt_log" 2>&1 || { tail -n 5 "$apt_log" >&2; return 1; }
}

has_library() { # has_library NAME: the dynamic linker knows it
  { ldconfig -p 2>/dev/null || /sbin/ldconfig -p 2>/dev/null; } | grep -F "$1" >/dev/null
}

system_libraries() {
  local missing=()
  [ "$(uname -s)" = Linux ] || return 0 # the wheels for macOS bring all of these
  has_library libcurl.so.4 || missing+=(libcurl4)
  has_library libportaudio.so.2 || missing+=(libportaudio2)
  if ((${#missing[@]} == 0)); then
    fine "System libraries: ok"
  elif ! apt_get "${missing[@]}"; then
    notes+=("System libraries are missing. Install them (sudo apt-get install ${missing[*]}; on other systems the packages with the same libraries), then run ./setup.sh again.")
  fi
}

test_packages() {
  local missing=() package
  if [ "$(uname -s)" != Linux ]; then
    command -v node >/dev/null || notes+=("Tests need Node.js: brew install node")
    return 0
  fi
  command -v pulseaudio >/dev/null || missing+=(pulseaudio)
  command -v pactl >/dev/null || missing+=(pulseaudio-utils)
  command -v Xvfb >/dev/null || missing+=(xvfb)
  command -v espeak-ng >/dev/null || missing+=(espeak-ng)
  command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || missing+=(chromium)
  # The same engine for half the processor time; not every system has it, and the tests do without.
  command -v chromium-headless-shell >/dev/null || ! apt-cache show chromium-headless-shell >/dev/null 2>&1 || missing+=(chromium-headless-shell)
  command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] || missing+=(nginx-light)
  command -v haproxy >/dev/null || [ -x /usr/sbin/haproxy ] || missing+=(haproxy)
  command -v systemd-analyze >/dev/null || missing+=(systemd)
  for package in xdotool xclip openbox curl jq; do
    command -v "$package" >/dev/null || missing+=("$package")
  done
  compgen -G "/usr/lib/*/alsa-lib/libasound_module_pcm_pulse.so" >/dev/null || missing+=(libasound2-plugins)
  if ((${#missing[@]} == 0)); then
    fine "Test packages: ok"
  elif ! apt_get "${missing[@]}"; then
    notes+=("Tests that need them will be skipped or fail: ${missing[*]}. Install them with: sudo apt-get install ${missing[*]}")
  fi
}

test_tools() { # single programs out of packages that would start services where they are installed: they lie in venv/tools
  local folder tool package missing=()
  command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || return 0
  for tool in promtool:prometheus caddy:caddy; do
    command -v "${tool%:*}" >/dev/null || [ -x "venv/tools/${tool%:*}" ] || missing+=("$tool")
  done
  if ((${#missing[@]} == 0)); then
    fine "Test tools: ok"
    return 0
  fi
  say "Taking ${missing[*]%:*} out of their packages (some 50 MB to download)"
  folder=$(mktemp -d)
  for tool in "${missing[@]}"; do
    package=${tool#*:}
    if (cd "$folder" && apt-get -qq download "$package" && dpkg-deb -x "$package"_*.deb "$package") >"$apt_log" 2>&1; then
      mkdir -p venv/tools
      mv "$folder/$package/usr/bin/${tool%:*}" venv/tools/
    else
      notes+=("Tests that need ${tool%:*} will be skipped: apt-get download $package failed ($(tail -n 1 "$apt_log"))")
    fi
  done
  rm -rf "$folder"
}

# --- Python -----------------------------------------------------------------------------------------------------------

newest_python=3.14
if [ "$(uname -s) $(uname -m)" = "Darwin x86_64" ]; then with_mediapipe=true; fi # LiteRT has no wheel there
if [ -f venv/.setup-mediapipe ]; then with_mediapipe=true; fi
if [ -f venv/.setup-s3 ] || $with_tests; then with_s3=true; fi
if $with_mediapipe; then newest_python=3.12; fi # mediapipe 0.10.21 has no wheel for later ones

is_supported() { # is_supported PYTHON: it runs and is 3.10 to $newest_python
  "$1" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, int(sys.argv[1])))' "${newest_python#3.}" >/dev/null 2>&1
}

find_python() {
  local candidate
  for candidate in ${PYTHON:+"$PYTHON"} python3.13 python3.12 python3.11 python3.14 python3.10 python3 python; do
    if is_supported "$candidate"; then
      command -v "$candidate"
      return 0
    fi
  done
  return 1
}

fetch_python() { # a Python of uv's, in the folder where uv keeps its own; false if it can't be had
  local folder found=""
  folder=$(mktemp -d)
  found=$(fetched_python "$folder") || found=""
  rm -rf "$folder"
  [ -n "$found" ] && printf '%s\n' "$found"
}

fetched_python() { # fetched_python FOLDER: uv is put there for the moment where this machine has none
  local uv=uv python wanted=3.13
  if $with_mediapipe; then wanted=$newest_python; fi
  if ! command -v uv >/dev/null; then
    for python in python3 python ""; do # any will do that can make an environment
      [ -n "$python" ] || return 1
      if "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then break; fi
    done
    say "Fetching uv with pip, for the moment, to get a Python $wanted" >&2
    "$python" -m venv "$1/uv" >/dev/null || return 1
    "$1/uv/bin/python" -m pip --disable-pip-version-check --quiet install --require-hashes -r requirements-uv.lock >&2 || return 1
    uv=$1/uv/bin/uv
  fi
  if ! "$uv" python find --managed-python "$wanted" >/dev/null 2>&1; then
    say "Fetching Python $wanted with uv (some 30 MB from github.com, into $("$uv" python dir))" >&2
    "$uv" python install --no-progress --no-bin "$wanted" >&2 || return 1
  fi
  "$uv" python find --managed-python "$wanted"
}

python_environment() {
  local python version
  if $with_tests; then export PIP_NO_COMPILE=1; fi # what tests use of the packages is compiled when it is used
  if [ -d venv ] && ! { is_supported venv/bin/python && venv/bin/python -m pip --version >/dev/null 2>&1; }; then
    say "venv/ doesn't run here, is half made, or has another Python than 3.10 to $newest_python; making it anew"
    rm -rf venv
  fi
  if [ ! -x venv/bin/python ]; then
    begin "looking for Python 3.10 to $newest_python (found: $(python3 --version 2>&1 || true)), and fetching one with uv" \
      "install one (Debian, Ubuntu: sudo apt-get install python3 python3-venv; macOS: brew install python@${newest_python/14/13}; elsewhere uv from docs.astral.sh/uv: uv python install ${newest_python/14/13}), or name it: PYTHON=/path/to/python${newest_python/14/13} ./setup.sh"
    python=$(find_python) || python=$(fetch_python)
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    say "Making venv/ with Python $version ($python)"
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
      begin "making venv/: this Python comes without venv" "sudo apt-get install python$version-venv, then run ./setup.sh again"
      apt_get "python$version-venv"
    fi
    begin "making venv/" "see the error above; is the disk full, or this folder not writable?"
    "$python" -m venv venv
  fi
  if $with_tests; then
    # Unpacking keeps one core busy: the tests' packages, none of which is the server's, are put in beside it.
    install_packages test "80 MB to download, up to a minute" requirements-dev.txt &
    beside=$!
  fi
  install_packages server "300 MB to download, 1 to 5 minutes" requirements.txt requirements-nodeps.txt
  if $with_mediapipe; then install_packages mediapipe "60 MB to download" requirements-mediapipe.txt; fi
  if $with_s3; then install_packages s3 "15 MB to download" requirements-s3.txt; fi
  if $with_tests; then
    begin "installing the tests' Python packages with pip" "see pip's error above, then run ./setup.sh --test again"
    wait "$beside"
    beside=""
  fi
}

install_packages() { # install_packages KIND SIZE FILE…: once for each content of the files
  local kind=$1 size=$2 stamp="venv/.setup-$1" wanted started=$SECONDS pip=(venv/bin/python -m pip --disable-pip-version-check) file locks=()
  shift 2
  for file in "$@"; do locks+=("${file%.txt}.lock"); done # the same pins with hashes (python -m commands.lock): whatever else an index gives is refused
  wanted=$(sum_of "${locks[@]}")
  if [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
    fine "Python packages for the $kind: ok"
    return 0
  fi
  [ -t 1 ] && [ "$kind" = server ] || pip+=(--quiet)
  local install=(install --require-hashes)
  ! $with_tests || install+=(--no-compile) # the tests use a part of it, which Python compiles when it is first loaded
  begin "installing Python packages of $* with pip" \
    "see pip's error above; check the network (behind a proxy set HTTPS_PROXY; for a mirror: pip config set global.index-url ADDRESS), then run ./setup.sh again"
  say "Installing the Python packages of $* (about $size)"
  if [ "$kind" = server ] && compgen -G "venv/lib/python3*/site-packages/opencv_contrib_python-*" >/dev/null; then
    # An older set-up's: two OpenCVs write into one folder, and nothing here uses the others any more.
    "${pip[@]}" uninstall --quiet --yes opencv-contrib-python opencv-python-headless mediapipe protobuf
  fi
  if [ "$kind" = server ]; then # pip refuses what needs anything that isn't locked
    "${pip[@]}" "${install[@]}" --no-warn-conflicts -r "${locks[0]}" # of those below it would tell what they are without
    "${pip[@]}" "${install[@]}" --no-deps -r "${locks[1]}"
  else
    "${pip[@]}" "${install[@]}" --no-deps -r "${locks[0]}"
  fi
  printf '%s\n' "$wanted" >"$stamp"
  say "  done in $((SECONDS - started)) s"
}

# --- Browser libraries ------------------------------------------------------------------------------------------------

browser_libraries() {
  local vendor=static/vendor wanted file omit=(--omit=dev)
  wanted=$(sum_of package-lock.json)
  if [ "$(cat "$vendor/.setup" 2>/dev/null)" = "$wanted" ] && [ -s "$vendor/socket.io.esm.min.js" ] && [ -s "$vendor/socket.io.min.js" ] &&
    [ -s "$vendor/chart.umd.min.js" ] &&
    { ! $with_tests || { [ -d node_modules/socket.io-client ] && [ -d node_modules/axe-core ]; }; }; then # the tests' own: a client in node, axe-core
    fine "Browser libraries: ok"
    return 0
  fi
  begin "fetching the browser libraries: npm is missing" \
    "install Node.js 18 or newer (Debian, Ubuntu: sudo apt-get install nodejs npm; macOS: brew install node; else nodejs.org), then run ./setup.sh again. It is needed for this step only, not for serving."
  command -v npm >/dev/null || apt_get nodejs npm
  begin "fetching the browser libraries with npm ci" "see npm's error above; check the network (behind a proxy set HTTPS_PROXY), then run ./setup.sh again"
  say "Fetching the browser libraries with npm"
  if $with_tests; then omit=(); fi
  npm ci --ignore-scripts --no-fund --no-audit --loglevel=error ${omit[@]+"${omit[@]}"}
  mkdir -p "$vendor"
  for file in socket.io.esm.min.js socket.io.min.js; do
    cp "node_modules/socket.io-client/dist/$file" "$vendor/$file"
  done
  cp node_modules/chart.js/dist/chart.umd.min.js "$vendor/"
  printf '%s\n' "$wanted" >"$vendor/.setup"
}

# --- The rest ---------------------------------------------------------------------------------------------------------

settings_file() {
  [ -f .env ] && return 0
  begin "writing .env" "is this folder writable?"
  cp .env.example .env
  chmod 600 .env # it may come to hold passwords
  say "Made .env from .env.example: the settings that people change, with their defaults; docs/settings.md has all"
}

models() {
  begin "the models (venv/bin/python -m commands.make_models)" "see the error above, then run ./setup.sh again"
  if $quiet && ((${#models_options[@]} == 0)) && models_are_ready; then return 0; fi
  say "Models:"
  venv/bin/python -m commands.make_models ${models_options[@]+"${models_options[@]}"}
}

models_are_ready() { # nothing to say when starting: find_models tells the server of what is missing
  local file
  [ "$(cat models/.tried 2>/dev/null)" = "$(sum_of detectors/model_files.py commands/model_sources.py)" ] || return 1
  while read -r _ file; do [ -f "models/$file" ] || return 1; done <models/SHA256SUMS
}

started=$SECONDS
begin "looking for system libraries" "install libcurl4 libportaudio2, then run ./setup.sh again"
system_libraries
if $with_tests; then test_packages; fi
python_environment
if $with_tests; then test_tools; fi
browser_libraries
settings_file
models

for note in ${notes[@]+"${notes[@]}"}; do printf '\nNote: %s\n' "$note"; done
fine "Ready in $((SECONDS - started)) s. Start with ./run.sh; look at what works with venv/bin/python test_system.py"
