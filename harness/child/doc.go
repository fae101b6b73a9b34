// Package child starts, watches and ends every process of a lab.
//
// Its central type is Group: the processes and the private temporary directory of one lab. Whatever
// way the harness ends, kill -9 included, no process of a group and no directory of it stays: direct
// children die with the harness by the kernel's doing (PDEATHSIG), and a small reaper in a session of
// its own ends what those left behind. It does not know what the processes are for, and it cannot
// find a process that leaves its group, its session and its environment all three. Linux only.
package child
