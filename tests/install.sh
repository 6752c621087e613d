#!/usr/bin/env bash
# Installs into an empty folder and uses what lies there as a stranger would: the command runs, and a program compiles
# and links through pkg-config against the shared library, and against the static one.
# shellcheck source=tests/lib.sh
source "$(dirname "$0")/lib.sh"

echo "install: library, headers, pkg-config file and command in an empty folder"
check_logged meson "meson install" env DESTDIR="$WORK/root" meson install -C "$BUILD" --no-rebuild
pc=$(find "$WORK/root" -name spate.pc)
prefix=$WORK/root$(sed -n 's/^prefix=//p' "$pc")
lib_dir=$(dirname "$(dirname "$pc")")
# The folder is not where the files believe to be.
mkdir "$WORK/pc"
sed "s|^prefix=.*|prefix=$prefix|" "$pc" >"$WORK/pc/spate.pc"
config() { PKG_CONFIG_PATH=$WORK/pc pkg-config "$@" spate; }

cat >"$WORK/program.c" <<'C'
#include <stdio.h>
#include <spate/socket.h>
int main(void)
{
	struct spate_config *c = spate_config_new();
	char err[512];
	int bad = !c || spate_config_set(c, "dev", "sim", err, sizeof(err)) ||
		  !spate_config_set(c, "no-such-setting", "1", err, sizeof(err));

	puts(spate_version());
	spate_config_free(c);
	return bad || spate_socket(AF_INET, SOCK_STREAM, 0) != -1 || errno != ENXIO;
}
C
# shellcheck disable=SC2046
shared() {
    gcc -Wall -Werror -o "$WORK/shared" "$WORK/program.c" $(config --cflags --libs) &&
        LD_LIBRARY_PATH=$lib_dir "$WORK/shared"
}
# shellcheck disable=SC2046
static() {
    gcc -Wall -Werror -o "$WORK/static" "$WORK/program.c" $(config --cflags) "$lib_dir/libspate.a" \
        $(pkg-config --libs libdpdk) -lnuma -lm && "$WORK/static"
}
only_public_names() {
    [ -z "$(nm -D --defined-only "$lib_dir/libspate.so" | awk '$3 !~ /^(spate_|_init$|_fini$)/ { print $3 }')" ]
}

check_logged help "the command answers --help" "$prefix/bin/spate" --help
check_logged shared "a program on the shared library" shared
check_logged static "a program on the static library" static
check "the shared library exports only spate_*" only_public_names
