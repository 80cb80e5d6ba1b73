// Command kkmtest certifies fiscal cash registers (KKM). See README.md.
package main

func main() {}
