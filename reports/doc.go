// Package reports writes what a run or a suite of runs has shown: text for the terminal, JSON, JUnit
// XML and Markdown. Every format is a pure function of a check.Judgement or of a Suite of them, in a
// file of its own, and returns every write error. It judges nothing: a run that has no verdict, or no
// green one, is never shown as green.
package reports
