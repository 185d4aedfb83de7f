@echo off
rem Starts verify-on-windows.ps1 beside it, whatever this computer allows scripts by default. See docs/verify-windows.md.
powershell.exe -NoProfile -ExecutionPolicy Bypass -File "%~dp0verify-on-windows.ps1"
pause
