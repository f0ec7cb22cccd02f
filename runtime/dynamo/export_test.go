package dynamo

// AllMade is for tests of what it takes for a plain answer.
var AllMade = allMade
