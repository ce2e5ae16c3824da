"""Who may call whom: AuthorizationPolicy, JWT, mTLS modes, and what admission allows to be created."""
