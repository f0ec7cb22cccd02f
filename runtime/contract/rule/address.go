package rule

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/sensorflow/sensorflow/runtime/contract"
)

// Origins accepts the browser origins that may call with credentials.
func Origins(key string, origins []string) Faults {
	return All(
		Fault{Field: list(key), Rule: fmt.Sprintf("must list at most %d", contract.OriginsMax), Got: len(origins)}.
			If(len(origins) > contract.OriginsMax),
		Each(key, origins, Origin),
	)
}

// Origin accepts scheme://host[:port] exactly as a browser writes it, since it is compared with what a browser sends: in lower
// case, without the scheme's own port and without a path. Plain HTTP is for this machine alone.
func Origin(key, got string) Faults {
	return Text(key, got, isOrigin(got), "an origin such as https://app.example.com, or http://localhost:3000 for this machine")
}

func isOrigin(got string) bool {
	scheme, authority, _ := strings.Cut(got, "://")
	switch scheme {
	case "https":
		return isAuthority(authority, "443")
	case "http":
		u, err := url.Parse(got)
		return err == nil && isLoopback(u.Hostname()) && isAuthority(authority, "80")
	default:
		return false
	}
}

// isAuthority accepts host[:port] in the one form that a browser writes; it leaves out the scheme's own port.
func isAuthority(got, schemePort string) bool {
	host, port, found := got, "", false
	if at := strings.LastIndex(got, ":"); at > strings.LastIndex(got, "]") {
		host, port, found = got[:at], got[at+1:], true
	}
	return isHost(host) && (!found || isPort(port) && port != schemePort)
}

var (
	hostPattern   = regexp.MustCompile(`^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$`)
	numberPattern = regexp.MustCompile(`(^|\.)([0-9]+|0x[0-9a-f]*)$`)
)

func isHost(got string) bool {
	switch {
	case strings.HasPrefix(got, "["):
		ip, err := netip.ParseAddr(strings.Trim(got, "[]"))
		return err == nil && ip.Is6() && !ip.Is4In6() && ip.Zone() == "" && got == "["+ip.String()+"]"
	case numberPattern.MatchString(got): // which a browser takes for an IPv4 address
		ip, err := netip.ParseAddr(got)
		return err == nil && ip.Is4()
	default:
		return len(got) <= zoneCharsMax && hostPattern.MatchString(got)
	}
}

func isPort(got string) bool {
	n, err := strconv.ParseUint(got, 10, 16)
	return err == nil && n > 0 && strconv.FormatUint(n, 10) == got
}

// Endpoint accepts the absolute URL of a service that this one trusts.
func Endpoint(key, got string) Faults {
	u, err := url.Parse(got)
	return Text(key, got, err == nil && u.Hostname() != "" && isProtected(u),
		"an absolute https URL, or an http one of this machine")
}

// isProtected tells whether nobody on the way can change what is sent: https, or http within this machine.
func isProtected(u *url.URL) bool {
	return u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname())
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// Loopback accepts the address of a port that this machine alone can reach.
func Loopback(key, got string) Faults {
	host, port, err := net.SplitHostPort(got)
	_, portErr := strconv.ParseUint(port, 10, 16)
	return Text(key, got, err == nil && portErr == nil && isLoopback(host), "an address of this machine alone, such as 127.0.0.1:6060").
		Advise("leave it out to serve no profiles")
}

// NetworkDefault is the address range of the network of the region at that place in the list of regions, the first being 0.
func NetworkDefault(index int) string { return fmt.Sprintf("10.%d.0.0/16", index) }

// Network accepts the private address range of a network.
func Network(key, got string) Faults {
	prefix, err := netip.ParsePrefix(got)
	ok := err == nil && prefix.Addr().Is4() && prefix.Masked() == prefix &&
		prefix.Bits() >= contract.NetworkBitsMin && prefix.Bits() <= contract.NetworkBitsMax
	// Where the first address is private the whole range is: no private range is narrower than NetworkBitsMin.
	faults := Text(key, got, ok && prefix.Addr().IsPrivate(), fmt.Sprintf("a private IPv4 range of /%d to /%d such as %s",
		contract.NetworkBitsMin, contract.NetworkBitsMax, NetworkDefault(0)))
	if ok {
		return faults.Advise("private are 10.0.0.0/8, 172.16.0.0/12 and 192.168.0.0/16")
	}
	return faults
}

// Networks accepts address ranges by region; those of regions that are left out are NetworkDefault's. They must not overlap:
// networks that do could never be joined.
func Networks(key string, given map[string]string, regions []string) Faults {
	if len(regions) == 0 {
		return nil // which is a fault of its own, and leaves nothing to compare with
	}
	var faults Faults
	for _, region := range slices.Sorted(maps.Keys(given)) {
		faults = append(faults, Fault{
			Field: item(key, region), Rule: "must be for one of the regions " + strings.Join(regions, ", "), Advice: "leave it out",
		}.If(!slices.Contains(regions, region))...)
	}
	ranges := make([]netip.Prefix, len(regions))
	for i, region := range regions {
		cidr := cmp.Or(given[region], NetworkDefault(i))
		if wrong := Network(item(key, region), cidr); len(wrong) > 0 {
			faults = append(faults, wrong...)
			continue
		}
		ranges[i] = netip.MustParsePrefix(cidr)
		for j := range i {
			if !ranges[j].IsValid() || !ranges[j].Overlaps(ranges[i]) {
				continue
			}
			blamed, beside := i, j
			if given[region] == "" {
				blamed, beside = j, i // nobody wrote the default
			}
			faults = append(faults, Fault{
				Field: item(key, regions[blamed]), Got: ranges[blamed].String(),
				Rule: fmt.Sprintf("must not overlap the network of %s, %s", regions[beside], ranges[beside]),
			})
		}
	}
	return faults
}
