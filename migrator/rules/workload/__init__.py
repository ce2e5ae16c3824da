"""Injection, pods and their controllers: what is to be moved, and what would keep it from moving."""
