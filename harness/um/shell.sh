#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Interactive shell of a guest: shell.sh DIRECTORY-OF-TESTS

. "$(dirname "$0")/p9.sh"
export PATH=$1:$PATH
p9_start || exit
p9_mount /mnt/p9 || exit
mkdir -p /mnt/p9/d /mnt/p9/e
echo hello >/mnt/p9/d/f
echo secret >/mnt/p9/e/f
cat <<-END

	/mnt/p9 is a 9p mount of $EXPORT (diod).  Try:
	  LL_FS_RO=/usr:/bin:/lib:/lib64:/etc:/mnt/p9/d LL_FS_RW=/dev/null sandboxer cat /mnt/p9/d/f
	  landlock-9p-check /mnt/p9/d
	Tests are in $1; fs_9p_test and others are in PATH.

END
cd /tmp || exit
PS1='guest:\w# ' bash --norc -i
p9_umount /mnt/p9
p9_stop
