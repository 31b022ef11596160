# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# What the host's stages of libcpns share: where things are built, and running
# a program that prints its own counts.

top=$(cd "$(dirname "$0")/../.." && pwd) || exit 1
out=$(mkdir -p "${O:-$top/build}" && cd "${O:-$top/build}" && pwd) || exit 1
vectors=${VECTORS:-$top/../shared/vectors/ss1.json}

# no_counts REASON: what a stage says when it can't come to its tests
no_counts()
{
	echo "not ok - $1"
	echo "0 passed, 1 failed, 0 skipped"
	exit 1
}

# build DIR [VARIABLE=VALUE ...] TARGET ...: into a directory below $out, or ''
build()
{
	dir=$out${1:+/$1}
	shift
	target=
	words=
	for word; do
		case $word in
		*=*) words="$words $word" ;;
		*) target="$target $dir/$word" ;;
		esac
	done
	# shellcheck disable=SC2086
	make --no-print-directory -C "$top/userspace" "O=$dir" $words $target ||
		no_counts "build of$target"
}

# need_vectors: is the file of vectors there
need_vectors()
{
	[ -r "$vectors" ] || no_counts "no file of test vectors at $vectors; name it: VECTORS=FILE"
}

# run PROGRAM [ARGUMENT ...]: its output, its counts, its exit status
run()
{
	"$@"
	status=$?
	# a program that dies has no counts of its own
	[ $status -le 1 ] || no_counts "$(basename "$1") ended with $status"
	exit $status
}
