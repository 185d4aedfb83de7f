@echo off
rem port26 at logon, for Group Policy (User Configuration, Scripts, Logon) or a logon script of one's own. In silence; it asks
rem nobody and changes what the policy allows. The exit code is that of port26: 0 nothing to do or all done, 6 the user is needed.
rem With the MSI's own entry at logon (LOGON=fix, the default) this script is not needed.
setlocal
rem the later line wins
set "program="
if exist "%~dp0port26.exe" set "program=%~dp0port26.exe"
if defined LocalAppData if exist "%LocalAppData%\Programs\port26\port26.exe" set "program=%LocalAppData%\Programs\port26\port26.exe"
if defined ProgramFiles if exist "%ProgramFiles%\port26\port26.exe" set "program=%ProgramFiles%\port26\port26.exe"
if defined ProgramW6432 if exist "%ProgramW6432%\port26\port26.exe" set "program=%ProgramW6432%\port26\port26.exe"
if defined PORT26_FOLDER if exist "%PORT26_FOLDER%\port26.exe" set "program=%PORT26_FOLDER%\port26.exe"
if not defined program (
    echo port26.exe was not found: install port26, or set PORT26_FOLDER to the folder it is in. 1>&2
    exit /b 1
)
"%program%" fix --silent
exit /b %errorlevel%
