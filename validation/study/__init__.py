"""What every study is made of: pieces, reports, fitted lines."""
