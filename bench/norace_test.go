//go:build !race

package main

const memory = 1
