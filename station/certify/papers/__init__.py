"""What is printed: pages of facts and tables, as Markdown for terminals and repositories, and as HTML for a browser and its printer."""
