// Package guard stands between the network and net/http, which reads some requests more generously
// than the server behind us may: that is how requests are smuggled. Listener is its central type: it
// follows the framing of every request on a connection, without keeping any of it, and refuses what two
// servers could understand differently. Handler holds one request to its Limits. What HTTP/2 frames
// is left to net/http.
package guard
