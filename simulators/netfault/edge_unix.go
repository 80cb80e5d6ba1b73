//go:build unix

package netfault

import (
	"net"
	"syscall"
)

// tryWrite writes what the socket takes at once and says how much that was. An
// error is left to the next write.
func tryWrite(c *net.TCPConn, p []byte) int {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0
	}
	n := 0
	_ = raw.Write(func(fd uintptr) bool {
		n, _ = syscall.Write(int(fd), p)
		return true
	})
	return max(n, 0)
}
