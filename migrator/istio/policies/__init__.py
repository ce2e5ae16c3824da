"""Which policies act on whom, and what each enforcer makes of them: authorization, mTLS, targets."""
