// Package browser has no code: its tests look at the status page as a person does, in Chromium. They stand apart because the
// client library takes long to compile.
package browser
