//go:build race

package main

// memory is how many times as much a test's process takes under the race detector, at the most.
const memory = 4
