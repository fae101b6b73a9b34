// Package cache is a shared cache in front of backends, after RFC 9111, in memory. Cache is its central type: an
// http.Handler in front of another. It stores answers to GET, of which HEAD is answered too, never serves a stale
// one, and asks the backend with ETag or Last-Modified whether a stale one still holds. Key is the one decision about
// who may get whose answer. It guesses no lifetimes unless told to, and stores no part of an answer.
package cache
