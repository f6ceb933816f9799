"""HTTP: Klein classes for pages and APIs, and the guard that everything passes."""
