// Command sensorflow sends readings to the service and asks it for them, for those who operate machines. `sensorflow help` tells what
// it does. It calls the API as any other program does, by package client, and is never deployed.
package main
