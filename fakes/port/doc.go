// Package port is a TCP port that a fake HTTP server keeps while it goes down and comes back: Port is
// a net.Listener that can be shut (connections are refused), opened again at the same address, and
// that can reset the connections it has and limit their number; Hold keeps a port for a process that is restarted; Cut ends
// one answer in the middle. It speaks no protocol.
package port
