# SPDX-License-Identifier: Apache-2.0
#
# Sourced by windows-deps and sanitizer-deps: fetches Debian's own sources and builds them with CMake into a prefix
# below build/deps. All of it is cached behind a stamp. The system's apt configuration is read, never changed.

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
deps="$root/build/deps"
apt_dir="$deps/apt"
log="$deps/$(basename "$0").log"
mkdir -p "$deps/src" "$apt_dir/lists/partial" "$apt_dir/cache/archives/partial"

say() { echo "$(basename "$0"): $*"; }

# One script at a time: two test runs may ask for the libraries at once.
exec 9>"$deps/lock"
flock 9

version_of() {
  dpkg-query -W -f '${source:Version}' "$1" 2>/dev/null || {
    say "package $1 is missing: run tools/setup/packages" >&2
    exit 1
  }
}

abseil_version="$(version_of libabsl-dev)"
benchmark_version="$(version_of libbenchmark-dev)"
mimalloc_version="$(version_of libmimalloc-dev)"
googletest_version="$(version_of googletest)"

# current <prefix> <key>: true if the prefix was built from exactly these versions by these scripts.
current() { [[ -f $1/.stamp && "$(cat "$1/.stamp")" == "$2" ]]; }

script_hash() { cat "$0" "${BASH_SOURCE[0]}" "$@" | sha256sum | cut -c1-16; }

write_source_list() {
  local keyring=/usr/share/keyrings/debian-archive-keyring.gpg codename mirrors uri suite
  codename="$(. /etc/os-release && echo "$VERSION_CODENAME")"
  # The configured mirrors first, so that a local one is used; the public one where nothing is known.
  mirrors="$(apt-get indextargets --format '$(ORIGIN)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)' 'Created-By: Packages' \
    2>/dev/null | awk -F'|' '$1 == "Debian" && $4 == "main" { print $2, $3 }' | sort -u)"
  [[ -n $mirrors ]] || mirrors="http://deb.debian.org/debian $codename"
  while read -r uri suite; do
    echo "deb-src [signed-by=$keyring] $uri $suite main"
  done <<<"$mirrors"
}

apt_get() {
  local options=(
    -o "Dir::Etc::SourceList=$apt_dir/sources.list" -o "Dir::Etc::SourceParts=/dev/null"
    -o "Dir::State::Lists=$apt_dir/lists" -o "Dir::Cache=$apt_dir/cache"
  )
  # apt's download user may not be able to write here; without root there is no such user anyway.
  [[ $EUID != 0 ]] || options+=(-o "APT::Sandbox::User=root")
  apt-get -q "${options[@]}" "$@"
}

# fetch <source package> <version>: prints the unpacked and patched folder.
fetch() {
  local name="$1" version="$2" folder="$deps/src/$1-$2"
  if [[ ! -d $folder ]]; then
    rm -rf "$folder.tmp"
    mkdir -p "$folder.tmp"
    write_source_list >"$apt_dir/sources.list"
    apt_get update >>"$log" 2>&1
    if ! (cd "$folder.tmp" && apt_get source "$name=$version") >>"$log" 2>&1; then
      say "$name $version is not on the mirror any more; taking the newest" >&2
      (cd "$folder.tmp" && apt_get source "$name") >>"$log" 2>&1
    fi
    mv "$(find "$folder.tmp" -mindepth 1 -maxdepth 1 -type d -print -quit)" "$folder"
    rm -rf "$folder.tmp"
  fi
  echo "$folder"
}

# build <name> <source folder> <cmake options...>: installs into $staging; $common_options come first.
build() {
  local name="$1" source="$2" begin=$SECONDS object="$deps/obj/$1"
  shift 2
  rm -rf "$object"
  cmake -S "$source" -B "$object" -G Ninja -DCMAKE_INSTALL_PREFIX="$staging" -DCMAKE_INSTALL_LIBDIR=lib \
    -DCMAKE_CXX_STANDARD=20 -DCMAKE_CXX_STANDARD_REQUIRED=ON -DCMAKE_POSITION_INDEPENDENT_CODE=ON \
    -DBUILD_SHARED_LIBS=OFF -DBUILD_TESTING=OFF "${common_options[@]}" "$@" >>"$log" 2>&1
  cmake --build "$object" --target install >>"$log" 2>&1
  rm -rf "$object"
  say "$name built ($((SECONDS - begin)) s)"
}

# begin_prefix <prefix>, end_prefix <prefix> <key>: the old prefix stays usable until the new one is complete.
begin_prefix() {
  staging="$1.new"
  rm -rf "$staging"
  : >"$log"
  trap 'status=$?; [[ $status == 0 ]] || { say "failed; the end of $log:"; tail -30 "$log"; } >&2' EXIT
}

end_prefix() {
  echo "$2" >"$staging/.stamp"
  rm -rf "$1"
  mv "$staging" "$1"
}
