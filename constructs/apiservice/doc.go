// Package apiservice is the construct of the HTTP API in one region: network, load balancer, Fargate service, firewall
// and the way in over HTTPS, through CloudFront or a domain of the user.
//
// It imports the CDK, packages storage, identity, goasset and nag, runtime/contract and the internal packages that
// the constructs share.
package apiservice
