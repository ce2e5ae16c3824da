"""Control planes, agents, nodes, the CNI below: what ambient needs of the cluster before anything moves."""
