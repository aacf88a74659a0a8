# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# Runs in a guest (busybox), after lib.sh and another script, with a net and a blk function: whatever
# happened there, both can be used.
use_net_and_blk after
finish
