// Package backend knows the servers behind the proxy: what each is (Spec, from a file or the admin API),
// what state it is in and why, how many requests it works on, and which one is next. Pool is its central
// type. It checks nothing and forwards nothing: package health tells it results, package forward asks it
// for a backend.
package backend
