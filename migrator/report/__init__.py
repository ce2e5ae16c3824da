"""View models and one renderer a format: facts and findings in, text out.

What may go in: models of what leaves the process, `render(view) -> str` for each format. What may not:
new facts; a renderer computes nothing that JSON lacks.
"""
