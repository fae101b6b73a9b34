// Package target reads comeback.yaml, which tells how a system under test is started, told its
// addresses, asked whether it is ready, and stopped.
//
// Its central type is Target, one entry of the file. It starts nothing itself: the lab does, with
// the command line and environment that Target makes of the lab's addresses.
package target
