#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Sparse does not know the architecture "um", which the kernel names to it, and
# as of 0.6.4 not __typeof_unqual__; dropping no qualifier is the stricter way.
exec sparse -D__typeof_unqual__=__typeof__ "${@/#--arch=um/--arch=x86_64}"
