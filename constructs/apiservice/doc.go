// Package apiservice is the construct of the HTTP API in one region: network, load balancer, Fargate service, firewall
// and the way in over HTTPS, through CloudFront or a domain of the user.
//
// It imports the CDK, cdk-nag for the reasons of its suppressions, the sibling constructs storage, identity and
// goasset, and the service's contract.
package apiservice
