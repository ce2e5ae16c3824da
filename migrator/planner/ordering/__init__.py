"""In which order what moves: knots of servers that may call each other, waves, ways out where none suits."""
