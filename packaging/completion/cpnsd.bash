# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Completion of cpnsd for bash.

_cpnsd()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}

	case $prev in
	-c | --config) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
	*)
		mapfile -t COMPREPLY < <(compgen -W "-c --config -f --foreground --check
			-V --version -h --help" -- "$cur")
		;;
	esac
}

complete -F _cpnsd cpnsd
