module migrate/standin

go 1.24
