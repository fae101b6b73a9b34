// Package hostmem is a fixture of the host's memory: a directory that a target is given as HOST_PROC,
// with a meminfo that says what the scenario wants. Fixture writes it and is told, by the kernel,
// each time somebody reads it and which state they read. It does not touch the machine's memory.
package hostmem
