"""Who else writes what the plan changes: GitOps, Helm, operators, rollouts under way; and what is unused."""
