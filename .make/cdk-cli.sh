#!/bin/sh
# Gets the CDK's command line, in the version that fits the library in go.mod, and puts it into .local/cdk.
set -eu
cd "$(dirname "$0")/.."
package=aws-cdk@2.1148.1
# The hash of the package that was reviewed.
integrity=sha512-K3d02L17IwmAuiBWNuX1DzYhKUs9GrKYI7bZnGJfJ1bKz9ymXFxfudBOL3rUb8JAusDNSULiQU2fsJH7kyY2XA==

exec sh .make/npm.sh cdk $package $integrity '8 MB' .local/cdk
